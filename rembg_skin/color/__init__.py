"""Arrays in, arrays out: the colour rules, their clean-up, and the Markov random field. Nothing here knows rembg."""
