"""SDP3x and SDP8xx, Sensirion's differential pressure sensors."""
