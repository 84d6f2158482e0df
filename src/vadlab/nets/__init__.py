"""One network a file: plain nn.Module, tensors in, tensors out, no project types."""
