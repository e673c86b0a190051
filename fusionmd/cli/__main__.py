"""`python -m fusionmd.cli` is `fusionmd`."""

from fusionmd.cli.main import main

main()
