/** Taking a photo here: the camera at the back where there is one, at its full resolution where that can be had. */
import { useEffect, useRef, useState } from "react";
import type { CameraTrouble } from "../../live/camera";
import { CameraError, closeCamera, grabJpeg, newScratch, openCamera } from "../../live/camera";
import { TYPES } from "../photo";
import { Modal } from "./modal";

const WANTED: MediaTrackConstraints = {
  facingMode: { ideal: "environment" },
  width: { ideal: 4096 },
  height: { ideal: 3072 },
};

const TROUBLE: Record<CameraTrouble, string> = {
  insecure: "This browser gives the camera only to pages that come over https.",
  denied: "The camera was not allowed. Allow it in the address bar, then try again.",
  missing: "There is no camera here.",
  busy: "Another program has the camera.",
  lost: "The camera was taken away.",
};

type Props = { onPhoto: (photo: Blob) => void; onClose: () => void };

export function Camera({ onPhoto, onClose }: Props) {
  const video = useRef<HTMLVideoElement>(null);
  const [trouble, setTrouble] = useState<CameraTrouble | null>(null);
  const [ready, setReady] = useState(false);
  const [attempt, setAttempt] = useState(0);

  useEffect(() => {
    const abort = new AbortController();
    const run = async () => {
      const stream = await openCamera(WANTED);
      if (abort.signal.aborted || !video.current) return closeCamera(stream);
      abort.signal.addEventListener("abort", () => closeCamera(stream));
      stream.getVideoTracks()[0]?.addEventListener("ended", () => setTrouble("lost"));
      video.current.srcObject = stream;
      await video.current.play();
      setReady(true);
    };
    run().catch((error: unknown) => {
      if (!abort.signal.aborted) setTrouble(error instanceof CameraError ? error.trouble : "missing");
    });
    return () => abort.abort();
  }, [attempt]);

  const take = async () => {
    const photo = video.current && (await takeStill(video.current));
    if (photo) onPhoto(photo);
  };
  const again = () => {
    setTrouble(null);
    setReady(false);
    setAttempt((n) => n + 1);
  };

  return (
    <Modal title="Take a photo" onClose={onClose}>
      {trouble === null ? (
        <div className="finder">
          <video ref={video} muted playsInline aria-label="What the camera sees" />
        </div>
      ) : (
        <div className="complaint" role="alert">
          <p>
            <b>{TROUBLE[trouble]}</b> A photo from a telephone or from this machine does as well.
          </p>
        </div>
      )}
      <p className="hint">Hold it straight above the cloth, fill the picture, keep your shadow off it.</p>
      <div className="actions">
        {trouble === null ? (
          <button type="button" className="primary" onClick={() => void take()} disabled={!ready}>
            Take the photo
          </button>
        ) : (
          <>
            {/* A telephone's own camera, where the page may not have it. */}
            <label className="primary as-button">
              Choose or take a photo
              <input
                type="file"
                accept={TYPES.join(",")}
                capture="environment"
                className="unseen"
                onChange={(event) => event.target.files?.[0] && onPhoto(event.target.files[0])}
              />
            </label>
            <button type="button" className="plain" onClick={again}>
              Try the camera again
            </button>
          </>
        )}
      </div>
    </Modal>
  );
}

type Taker = { takePhoto: () => Promise<Blob> };

/** The sensor's own photo where the browser can; what the video shows otherwise. */
async function takeStill(video: HTMLVideoElement): Promise<Blob | null> {
  const track = (video.srcObject as MediaStream | null)?.getVideoTracks()[0];
  const { ImageCapture } = window as unknown as { ImageCapture?: new (track: MediaStreamTrack) => Taker };
  if (track && ImageCapture) {
    const photo = await new ImageCapture(track).takePhoto().catch(() => null);
    if (photo && photo.size > 0) return photo;
  }
  const size = { width: video.videoWidth, height: video.videoHeight };
  return grabJpeg(video, newScratch(), { crop: { x: 0, y: 0, ...size }, size, quality: 0.95 });
}
