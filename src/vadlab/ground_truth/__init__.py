"""One file a label format: what it says of which frames are abnormal, as 0-based masks or half-open spans."""
