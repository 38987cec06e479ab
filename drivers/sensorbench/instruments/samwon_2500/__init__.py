"""Samwon TEMP2500 and TEMI2500 chamber controllers: driver and twin, over PC-LINK."""
