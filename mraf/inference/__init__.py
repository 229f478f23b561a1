"""From the scores of a trained model to probabilities, of one clip or of many together."""
