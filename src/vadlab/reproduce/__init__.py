"""The LAD paper's tables and figures on the data at hand, one a file: published numbers beside ours."""
