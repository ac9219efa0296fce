_base_ = ['./_base_/datasets/photographs.py', './_base_/pretraining.py']
# The first 900 of the 3,100 steps behind the weights that ship (mmseg_sympie/weights/README.md):
# 9 GB, and at 2.6 s a step 40 minutes, on two CPU cores (75 when it was run); needs
# checkpoints/mobilenetv2_camvid.pth (docs/data.md). sympie_shipped_middle.py goes
# on from it. A run from scratch should set model.enhancer.min_contrast_255=50 here already.
# Of three images one is a photograph for each of two classifiers, which do not want the same (one
# alone teaches its own taste), and one is a daylight street for a segmentor.
photographs = dict(type='mmseg_sympie.Photographs', root='data/imagenet_samples', random_crop=True)
street_crops = dict(
    type='mmseg_sympie.SegmentationCrops',
    dataset=dict(
        type='mmseg_sympie.CamVidDataset',
        data_root='data/camvid',
        split='train',
        sequences=['0006R0', '0016E5'],
        pipeline=[
            dict(type='LoadImageFromFile'),
            dict(type='LoadAnnotations'),
            dict(type='RandomResize', scale=(480, 360), ratio_range=(0.65, 1.25), keep_ratio=True),
            dict(type='RandomCrop', crop_size=(224, 224), cat_max_ratio=0.75),
            dict(type='RandomFlip', prob=0.5),
            dict(type='PackSegInputs')
        ]))
train_dataloader = dict(
    batch_size=32,
    sampler=dict(batch_size=32, turns=[0, 1, 2]),
    dataset=dict(sources=[photographs, photographs, street_crops]))
mobilenetv2 = dict(
    type='mmseg_sympie.TorchvisionClassifier',
    name='mobilenet_v2',
    weights='checkpoints/mobilenet_v2-b0353104.pth')
efficientnet_lite1 = dict(
    type='mmseg_sympie.MMPretrainClassifier', config='configs/classifiers/efficientnet_lite1.py')
segmentor = dict(type='mmseg_sympie.MMSegSegmentor', config='configs/mobilenetv2_camvid.py')
model = dict(
    type='mmseg_sympie.Pretrainer',
    upstream=[mobilenetv2, efficientnet_lite1, segmentor],
    enhancer=dict(min_mean_255=110),
    # What 37 numbers can put right twice as often as the rest.
    corruptions=2 * [
        'gaussian_noise', 'shot_noise', 'impulse_noise', 'speckle_noise', 'defocus_blur',
        'gaussian_blur', 'contrast', 'brightness', 'saturate', 'fog', 'frost', 'snow', 'darken',
        'horizon', 'night', 'white_point', 'low_light'
    ] + [
        'glass_blur', 'motion_blur', 'zoom_blur', 'elastic_transform', 'pixelate',
        'jpeg_compression', 'spatter'
    ],
    batch_norm_steps=20,
    autocast='bfloat16')
train_cfg = dict(max_iters=900, val_interval=300)
optim_wrapper = dict(
    optimizer=dict(lr=3e-4),
    paramwise_cfg=dict(custom_keys={'nem.head': dict(lr_mult=0.33)}))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.05, begin=0, end=40, by_epoch=False),
    dict(type='CosineAnnealingLR', eta_min=0, begin=40, end=900, by_epoch=False)
]
default_hooks = dict(checkpoint=dict(interval=50), logger=dict(interval=10))
