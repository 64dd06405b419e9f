"""Color rules, their clean-up, and the Markov random field: arrays in, arrays out, without rembg."""
