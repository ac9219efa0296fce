_base_ = ['./_base_/distorted_training.py']
# Correction units for configs/classifiers/mobilenetv2.py, on a thousand photographs. The ranking:
# docs/deepcorrect.md.
model = dict(
    upstream=dict(
        type='mmseg_sympie.MMPretrainClassifier', config='configs/classifiers/mobilenetv2.py'),
    corrections=dict(
        ranking='work_dirs/rank_mobilenetv2_photos/priority.json',
        # Of the ranked layers those that everything passes: behind the others a shortcut brings
        # the distortion back (priority.png).
        layers=['conv1.conv', 'layer1.0.conv.1.conv', *(
            f'layer{index}.0.conv.2.conv' for index in range(2, 8))],
        beta=0.75,
        unit=dict(width=32)),
    corruptions=['gaussian_blur', 'gaussian_noise'],
    severities=[1, 3, 5],
    l1=1e-5)
train_dataloader = dict(
    batch_size=32,
    sampler=dict(batch_size=32),
    dataset=dict(
        sources=[
            dict(
                type='mmseg_sympie.Photographs',
                root='data/imagenet_samples',
                random_crop=True)
        ]))
train_cfg = dict(max_iters=600)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, begin=0, end=30, by_epoch=False),
    dict(type='CosineAnnealingLR', eta_min=0, begin=30, end=600, by_epoch=False)
]
