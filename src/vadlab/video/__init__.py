"""One file a decoder, transform or encoder: video files and image folders to frames and back."""
