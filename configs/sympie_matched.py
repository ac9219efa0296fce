_base_ = ['./_base_/datasets/photographs.py', './_base_/pretraining.py']
# A correction of the match to the source domain: each image is first matched to that of its model.
# Goes on from the weights that ship. Needs checkpoints/espnetv2_s1_cityscapes.pth and Cityscapes'
# training frames; ESPNetv2 s2.0 has no part in it.
photographs = dict(type='mmseg_sympie.Photographs', root='data/imagenet_samples', random_crop=True)
street_crops = dict(
    type='mmseg_sympie.SegmentationCrops',
    dataset=dict(
        type='mmseg_sympie.CityscapesDataset',
        data_root='data/cityscapes',
        split='train',
        pipeline=[
            dict(type='LoadImageFromFile'),
            dict(type='LoadAnnotations'),
            # So small that a crop shows about what the whole frame's statistics are of.
            dict(type='RandomResize', scale=(1024, 512), ratio_range=(0.45, 0.9)),
            dict(type='RandomCrop', crop_size=(224, 224), cat_max_ratio=0.75),
            dict(type='RandomFlip', prob=0.5),
            dict(type='PackSegInputs')
        ]))
train_dataloader = dict(
    batch_size=24,
    sampler=dict(batch_size=24, turns=[0, 2, 1, 2]),
    dataset=dict(sources=[photographs, photographs, street_crops]))
model = dict(
    type='mmseg_sympie.Pretrainer',
    upstream=[
        dict(
            type='mmseg_sympie.TorchvisionClassifier',
            name='mobilenet_v2',
            weights='checkpoints/mobilenet_v2-b0353104.pth',
            source='imagenet'),
        dict(
            type='mmseg_sympie.MMPretrainClassifier',
            config='configs/classifiers/efficientnet_lite1.py',
            source='imagenet'),
        dict(
            type='mmseg_sympie.MMSegSegmentor',
            config='configs/espnetv2_s1_cityscapes.py',
            source='cityscapes')
    ],
    enhancer=dict(checkpoint='mmseg_sympie/weights/sympie.pth'),
    # What a camera sees in bad weather twice as often as the rest.
    corruptions=2 * [
        'low_light', 'colour_cast', 'exposure', 'airlight', 'low_sun', 'wet_glare', 'snow_veil',
        'night', 'fog'
    ] + [
        'gaussian_noise', 'shot_noise', 'speckle_noise', 'defocus_blur', 'motion_blur', 'contrast',
        'brightness', 'saturate', 'frost', 'snow', 'darken', 'horizon', 'white_point',
        'jpeg_compression'
    ],
    batch_norm_steps=0,
    autocast='bfloat16')
train_cfg = dict(max_iters=300, val_interval=300)
optim_wrapper = dict(
    optimizer=dict(lr=2e-4),
    paramwise_cfg=dict(custom_keys={'nem.head': dict(lr_mult=0.33)}))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.05, begin=0, end=20, by_epoch=False),
    dict(type='CosineAnnealingLR', eta_min=0, begin=20, end=300, by_epoch=False)
]
default_hooks = dict(checkpoint=dict(interval=50), logger=dict(interval=10))
