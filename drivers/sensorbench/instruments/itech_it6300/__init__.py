"""ITECH IT6302, IT6322 and IT6332A triple output power supplies: driver and twin."""
