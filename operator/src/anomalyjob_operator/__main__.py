"""`python -m anomalyjob_operator`: the same as the command `anomalyjob`."""

from anomalyjob_operator.cli import main

if __name__ == "__main__":
    main(prog_name="anomalyjob")
