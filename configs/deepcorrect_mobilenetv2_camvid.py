_base_ = ['./_base_/distorted_training.py']
# Correction units for configs/mobilenetv2_camvid.py, on its daylight frames. The ranking:
# docs/deepcorrect.md.
model = dict(
    upstream=dict(type='mmseg_sympie.MMSegSegmentor', config='configs/mobilenetv2_camvid.py'),
    corrections=dict(
        ranking='work_dirs/rank_mobilenetv2_camvid/priority.json',
        # Of the ranked layers those that everything passes: behind the others a shortcut brings
        # the distortion back (priority.png).
        layers=['conv1.conv', 'layer1.0.conv.1.conv', *(
            f'layer{index}.0.conv.2.conv' for index in range(2, 5))],
        beta=0.5,
        unit=dict(width=32)),
    corruptions=['darken', 'night', 'contrast'],
    l1=1e-5)
train_dataloader = dict(
    batch_size=6,
    sampler=dict(batch_size=6),
    dataset=dict(
        sources=[
            dict(
                type='mmseg_sympie.SegmentationCrops',
                dataset=dict(
                    type='mmseg_sympie.CamVidDataset',
                    data_root='data/camvid',
                    split='train',
                    sequences=['0006R0', '0016E5'],
                    pipeline=[
                        dict(type='LoadImageFromFile'),
                        dict(type='LoadAnnotations'),
                        dict(
                            type='RandomResize',
                            scale=(480, 360),
                            ratio_range=(0.75, 1.75),
                            keep_ratio=True),
                        dict(type='RandomCrop', crop_size=(256, 320), cat_max_ratio=0.75),
                        dict(type='RandomFlip', prob=0.5),
                        dict(type='PackSegInputs')
                    ]))
        ]))
train_cfg = dict(max_iters=800)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, begin=0, end=30, by_epoch=False),
    dict(type='CosineAnnealingLR', eta_min=0, begin=30, end=800, by_epoch=False)
]
