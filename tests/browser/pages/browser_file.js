/* The official browser file with its default options, exactly as its documentation shows it. */

window.progress = [];
window.upload = async () => {
  const tcVod = new window.TcVod.default({ getSignature: () => window.getSignature() });
  const uploader = tcVod.upload({ mediaFile: document.querySelector("#file").files[0] });
  uploader.on("media_progress", ({ percent }) => window.progress.push(percent));
  return uploader.done();
};
