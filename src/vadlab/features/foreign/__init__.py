"""Other people's feature files: which layouts there are, and how their arrays become rows of a store."""
