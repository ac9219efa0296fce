"""`sympie corrupt` from a clone of the repository."""
from mmseg_sympie.cli import run

if __name__ == '__main__':
    run('corrupt')
