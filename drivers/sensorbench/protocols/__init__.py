"""Sans-IO protocols: SCPI text, checksums, register codecs. Bytes in, values out."""
