"""Image processing shared by photos, films, the demo and the trainer: contact sheets and optical flow."""
