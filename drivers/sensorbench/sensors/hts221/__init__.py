"""HTS221, STMicroelectronics' humidity and temperature sensor."""
