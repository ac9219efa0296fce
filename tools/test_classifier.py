"""`sympie test-classifier` from a clone of the repository."""
from mmseg_sympie.cli import run

if __name__ == '__main__':
    run('test_classifier')
