"""ConST 811A pressure controller: driver and twin."""
