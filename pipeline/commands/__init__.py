"""The command line, one module a command or group of commands.

Each command parses its arguments, calls a function of the pipeline and shows what it returns. `mraf
--help` imports all these modules, so everything heavy is imported inside the functions.
"""
