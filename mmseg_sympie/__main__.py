"""`python -m mmseg_sympie`: the command `sympie`."""
from .cli import main

if __name__ == '__main__':
    main(program='python -m mmseg_sympie')
