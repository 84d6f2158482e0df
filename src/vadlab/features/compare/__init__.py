"""How two feature arrays differ: hypotheses, each tested by doing to one what it says was done."""
