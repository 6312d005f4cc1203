/* Plays an HLS address with hls.js and tells how far it came. Loaded by the test's page. */

window.play = (url) =>
  new Promise((done, failed) => {
    const video = document.createElement("video");
    video.muted = true;
    document.body.append(video);
    const hls = new window.Hls();
    hls.on(window.Hls.Events.ERROR, (_, problem) => {
      if (problem.fatal) failed(new Error(`hls.js gave up: ${problem.type} ${problem.details}`));
    });
    video.addEventListener("error", () => failed(new Error(`the video element failed: ${video.error?.message}`)));
    video.addEventListener("ended", () => {
      const { totalVideoFrames } = video.getVideoPlaybackQuality();
      done({ at: video.currentTime, duration: video.duration, height: video.videoHeight, frames: totalVideoFrames });
    });
    hls.loadSource(url);
    hls.attachMedia(video);
    hls.on(window.Hls.Events.MANIFEST_PARSED, () => video.play().catch(failed));
  });
