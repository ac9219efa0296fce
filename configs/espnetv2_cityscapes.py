_base_ = ['./_base_/models/espnetv2.py', './_base_/datasets/cityscapes.py',
          './_base_/schedule_80000.py', './_base_/runtime.py']
# Predicted at 1024x512, scored at the size of the label. Weights: docs/model_zoo.md.
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=(1024, 512), keep_ratio=False),
    dict(type='LoadAnnotations'),
    dict(type='PackSegInputs')
]
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
load_from = 'checkpoints/espnetv2_cityscapes.pth'
