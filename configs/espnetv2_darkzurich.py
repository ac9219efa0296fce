_base_ = ['./_base_/models/espnetv2.py', './_base_/datasets/darkzurich.py', './_base_/runtime.py']
# Predicted at 1024x512, scored at the label's own size.
test_dataloader = dict(dataset=dict(pipeline=[
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=(1024, 512), keep_ratio=False),
    dict(type='LoadAnnotations'),
    dict(type='PackSegInputs')
]))
load_from = 'checkpoints/espnetv2_cityscapes.pth'
