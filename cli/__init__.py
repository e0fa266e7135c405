"""The command line: parse, one library call, print (floor 7)."""
