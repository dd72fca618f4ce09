// Files on their way: from the page to Python in parts, each sent when the last has arrived, and from Python to a download.

function uploads(send, said) {
  let file = null;
  let part = 0;

  async function next(at) {
    if (!file || at >= file.size) {
      file = null;
      return;
    }
    const { name, size } = file;
    const bytes = await file.slice(at, at + part).arrayBuffer();
    if (!file) return; // it was stopped meanwhile
    said({ name: "upload", words: `uploading ${name}`, done: at, total: size });
    send("upload", { name, size, at }, [bytes]);
  }

  return {
    start(chosen, limits) {
      if (!chosen.size || chosen.size > limits.limit) return `${chosen.name}: ${chosen.size.toLocaleString("en")} bytes, expected 1 to ${limits.limit.toLocaleString("en")}; open it by its path`;
      [file, part] = [chosen, limits.part];
      next(0);
      return "";
    },
    arrived: ({ at }) => next(at),
    stop: () => (file = null),
  };
}

function downloads(send) {
  let parts = [];
  let offer = null;

  return {
    // Fetches what Python has ready, once; what was ready before this page was there has been fetched.
    take(next, fresh) {
      if (!next || offer?.number === next.number) return;
      offer = next;
      parts = [];
      if (fresh) send("download", 0);
    },
    arrived({ at }, buffers) {
      parts.push(buffers[0].buffer.slice(buffers[0].byteOffset, buffers[0].byteOffset + buffers[0].byteLength));
      const got = at + buffers[0].byteLength;
      if (got < offer.size) return send("download", got);
      const address = URL.createObjectURL(new Blob(parts));
      h("a", { href: address, download: offer.name }).click();
      setTimeout(() => URL.revokeObjectURL(address), 60000);
      parts = [];
    },
  };
}
