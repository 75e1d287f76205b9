/** A photo of a swatch before it is sent: whether it can be, and how large it is. */
import { Problem } from "./problem";
import type { Photo } from "./scanning";

export const MOST_BYTES = 25 << 20;
export const MOST_PIXELS = 24 << 20;
export const TYPES = ["image/jpeg", "image/png", "image/webp"];

/** Raises Problem. The caller owns the photo's URL. */
export async function openPhoto(file: Blob): Promise<Photo> {
  const wrong = complaintAbout(file);
  if (wrong) throw wrong;
  const url = URL.createObjectURL(file);
  const image = new Image();
  image.src = url;
  try {
    await image.decode();
  } catch {
    URL.revokeObjectURL(url);
    throw new Problem("bad_image", "This file cannot be read as a picture", "Choose a JPEG, PNG or WebP photo.");
  }
  // The browser turns the photo upright by its EXIF, as the server does.
  return { file, url, size: [image.naturalHeight, image.naturalWidth] };
}

export function complaintAbout({ type, size }: { type: string; size: number }): Problem | null {
  if (type !== "" && !TYPES.includes(type))
    return new Problem("unsupported_format", "Only photos can be scanned", "Choose a JPEG, PNG or WebP photo.");
  if (size > MOST_BYTES)
    return new Problem("body_too_large", "This photo is larger than 25 MB", "Save it as JPEG, or take it with fewer pixels.");
  return null;
}
