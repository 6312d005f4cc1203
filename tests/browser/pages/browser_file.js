/* The official browser file exactly as its documentation shows it, with its default options unless the test says otherwise. */

window.upload = async () => {
  window.progress = [];
  const tcVod = new window.TcVod.default({ getSignature: () => window.getSignature() });
  const uploader = tcVod.upload({ mediaFile: document.querySelector("#file").files[0], ...window.uploadOptions });
  uploader.on("media_progress", ({ percent }) => window.progress.push(percent));
  return uploader.done();
};
