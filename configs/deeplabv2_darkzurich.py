_base_ = ['./_base_/models/deeplabv2_r50.py', './_base_/datasets/darkzurich.py',
          './_base_/runtime.py']
load_from = 'checkpoints/deeplabv2_cityscapes.pth'
