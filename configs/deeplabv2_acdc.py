_base_ = ['./_base_/models/deeplabv2_r50.py', './_base_/datasets/acdc.py',
          './_base_/runtime.py']
load_from = 'checkpoints/deeplabv2_cityscapes.pth'
