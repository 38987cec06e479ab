"""SCD4x, Sensirion's CO2 sensors SCD40, SCD41 and SCD43, with humidity and temperature."""
