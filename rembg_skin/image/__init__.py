"""Pure picture steps around a network: arrays and Pillow images, no file and no rembg."""
