"""One optical flow method a file: grey frames in, pixels per frame out."""
