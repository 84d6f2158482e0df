"""The generated scenes behind the `synth` dataset."""
