"""One rule for every reader of images: depth, orientation, leftovers, and what is refused."""
from pathlib import Path

import cv2
import numpy as np
import pytest
from data_sets import PIPELINE, build
from PIL import Image

from mmseg_sympie.datasets.photographs import Photographs
from mmseg_sympie.engine.batches import severity_folders
from mmseg_sympie.errors import InputError
from mmseg_sympie.io.images import files_below, read_rgb
from mmseg_sympie.io.labels import check_label_file
from mmseg_sympie.io.video import read_frames

# Grey levels 0, 64, 128 and 255, of a colour image in the red channel, green half of it.
GREY = np.repeat(np.array([[0, 64, 128, 255]], np.uint8), 2, axis=0)
COLOUR = np.dstack([GREY, GREY // 2, np.zeros_like(GREY)])


def write_rgb(path: Path, pixels: np.ndarray) -> Path:
    """By OpenCV, which takes all depths; it wants BGR."""
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), pixels[..., ::-1] if pixels.ndim == 3 else pixels)
    return path


def read_by_every_reader(path: Path) -> dict:
    """(H, W, 3), RGB of the one image in a folder: by the reader, as photograph, as frame."""
    photograph = Photographs(path.parent, None, None, labels=None)[0]['inputs']
    frame, = read_frames(path.parent)
    return dict(reader=np.array(read_rgb(path)), photograph=photograph.permute(1, 2, 0).numpy(),
                frame=frame[0].permute(1, 2, 0).numpy())


def read_by_mmcv(folder: Path, image: Path) -> np.ndarray:
    """(H, W, 3), RGB of an image, as a data set of ours gives it to a segmentor."""
    place = folder / 'test' / image.name
    place.parent.mkdir(parents=True)
    place.write_bytes(image.read_bytes())
    dataset = build('CamVidDataset', folder, pipeline=[PIPELINE[0], PIPELINE[2]])
    return dataset[0]['inputs'].flip(0).permute(1, 2, 0).numpy()


@pytest.mark.slow
def test_files_of_16_bits_keep_their_upper_eight(tmp_path):
    for name in ('a.png', 'b.tif', 'c.PNG', 'd.TIFF', 'e.pgm'):
        path = write_rgb(tmp_path / name[0] / name, GREY.astype(np.uint16) * 257)
        for who, found in {**read_by_every_reader(path),
                           'mmcv': read_by_mmcv(tmp_path / f'{name}_mmcv', path)}.items():
            assert found[..., 0].tolist() == found[..., 2].tolist() == GREY.tolist(), (name, who)
    for name in ('rgb.png', 'rgb.tif'):
        path = write_rgb(tmp_path / name / name, COLOUR.astype(np.uint16) * 257)
        for who, found in {**read_by_every_reader(path),
                           'mmcv': read_by_mmcv(tmp_path / f'{name}_mmcv', path)}.items():
            assert found.tolist() == COLOUR.tolist(), (name, who)


@pytest.mark.parametrize('values', [GREY / 255, GREY.astype(float), COLOUR / 255,
                                    COLOUR.astype(float)],
                         ids=['0..1', '0..255', 'colour, 0..1', 'colour, 0..255'])
def test_real_numbers_are_on_0_to_1_or_on_0_to_255(tmp_path, values):
    path = write_rgb(tmp_path / 'in/float.tif', values.astype(np.float32))
    wanted = COLOUR if values.ndim == 3 else np.dstack([GREY] * 3)
    for who, found in read_by_every_reader(path).items():
        assert found.tolist() == wanted.tolist(), who
    with pytest.raises(InputError, match=r'float\.tif'):  # MMCV would not convert it.
        read_by_mmcv(tmp_path / 'mmcv', path)


@pytest.mark.slow
@pytest.mark.parametrize('name,pixels', [
    ('twelve_bits.png', GREY.astype(np.uint16) << 4),
    ('twelve_bits.tif', GREY.astype(np.uint16) << 4),
    ('colour_of_twelve_bits.png', COLOUR.astype(np.uint16) << 4),
    ('eight_in_16.tif', COLOUR.astype(np.uint16)),
    ('negative.tif', GREY.astype(np.float32) / 255 - 0.5),
    ('large.tif', GREY.astype(np.float32) * 257),
    ('overshoot.tif', GREY.astype(np.float32) / 250),
    ('nan.tif', np.where(GREY > 200, np.nan, 0.5).astype(np.float32)),
    ('infinite.tif', np.where(GREY > 200, np.inf, 0.5).astype(np.float32))])
def test_what_would_come_out_black_or_white_is_refused_by_name(tmp_path, name, pixels):
    path = write_rgb(tmp_path / 'in' / name, pixels)
    for read in (read_rgb, lambda path: list(read_frames(path.parent)),
                 lambda path: Photographs(path.parent, None, None, labels=None)[0],
                 lambda path: read_by_mmcv(tmp_path / 'mmcv', path)):
        with pytest.raises(InputError, match=name.replace('.', r'\.')):
            read(path)


def test_black_stays_black(tmp_path):
    for name, kind in (('a.png', np.uint16), ('b.tif', np.float32), ('c.png', np.uint8)):
        assert not np.any(read_rgb(write_rgb(tmp_path / name, np.zeros((2, 3), kind))))


@pytest.mark.parametrize('mode', ['1', 'L', 'LA', 'P', 'RGBA', 'CMYK', 'I'])
def test_all_modes_of_pillow(tmp_path, mode):
    grey = Image.fromarray(np.repeat(np.array([[0, 255]], np.uint8), 4, axis=0))
    if mode == 'P':  # colours in an order of their own, one of them transparent
        image = Image.fromarray(np.array(grey) // 255 * 7, 'P')
        image.putpalette([0, 0, 0] * 7 + [255, 255, 255])
        image.info['transparency'] = 7
    elif mode == 'I':
        image = Image.fromarray(np.array(grey).astype(np.int32) * 257)
    else:
        image = grey.convert('RGB').convert(mode)
    path = tmp_path / ('a.tif' if mode in ('CMYK', 'I') else 'a.png')
    image.save(path)
    for who, found in read_by_every_reader(path).items():
        assert found[0].tolist() == [[0, 0, 0], [255, 255, 255]], who


@pytest.mark.slow
@pytest.mark.parametrize('suffix', ['png', 'jpg', 'tif', 'webp', 'avif'])
@pytest.mark.parametrize('orientation,corner', [
    (1, 'upper left'), (2, 'upper right'), (3, 'lower right'), (4, 'lower left'),
    (5, 'upper left'), (6, 'upper right'), (7, 'lower right'), (8, 'lower left')])
def test_images_stand_upright(tmp_path, suffix, orientation, corner):
    # The white square is stored in the upper left; the tag says where it belongs.
    image = np.zeros((48, 80, 3), np.uint8)
    image[:16, :16] = 255
    stored = Image.fromarray(image)
    exif = stored.getexif()
    exif[0x112] = orientation
    path = tmp_path / f'in/a.{suffix}'
    path.parent.mkdir()
    stored.save(path, exif=exif)
    found = read_by_every_reader(path)
    if suffix != 'avif':
        found['mmcv'] = read_by_mmcv(tmp_path / 'mmcv', path)
    elif orientation > 1:  # which OpenCV does not turn
        with pytest.raises(InputError, match='turned AVIF'):
            read_by_mmcv(tmp_path / 'mmcv', path)
    for who, pixels in found.items():
        assert pixels.shape == ((48, 80, 3) if orientation < 5 else (80, 48, 3)), who
        row, column = (slice(0, 12) if side in ('upper', 'left') else slice(-12, None)
                       for side in corner.split())
        assert pixels[row, column].mean() > 240 and pixels.mean() < 30, who


@pytest.mark.parametrize('name', ['a.gif', 'a.webp', 'a.png', 'a.tif'])
def test_one_file_is_one_image(tmp_path, name):
    frames = [Image.new('RGB', (8, 8), colour) for colour in ('red', 'blue', 'green')]
    frames[0].save(tmp_path / name, save_all=True, append_images=frames[1:])
    for read in (read_rgb, lambda path: read_by_mmcv(tmp_path / 'mmcv', path)):
        with pytest.raises(InputError, match='a[.].* holds 3 images, and one was wanted'):
            read(tmp_path / name)


@pytest.mark.parametrize('exif', [b'Exif\0\0', b'Exif\0\0garbage', b'garbage',
                                  b'Exif\0\0II*\0\xff\xff\0\0', b'Exif\0\0MM\0*\0\0\0\x08\xff\xff'])
def test_damaged_exif_turns_nothing(tmp_path, exif):
    Image.new('RGB', (16, 8), 'white').save(tmp_path / 'a.jpg', exif=exif)
    assert read_rgb(tmp_path / 'a.jpg').size == (16, 8)
    assert read_by_mmcv(tmp_path / 'mmcv', tmp_path / 'a.jpg').shape == (8, 16, 3)


def test_pages_of_reduced_resolution_are_no_images(tmp_path):
    pages = [Image.new('RGB', (side, side), 'white') for side in (16, 8, 4)]
    for page in pages[1:]:
        page.encoderinfo = dict(tiffinfo={254: 1})
    pages[0].save(tmp_path / 'a.tif', save_all=True, append_images=pages[1:])
    assert Image.open(tmp_path / 'a.tif').n_frames == 3
    assert read_rgb(tmp_path / 'a.tif').size == (16, 16)


def test_the_preview_of_a_phone_is_no_second_image(tmp_path):
    images = [Image.new('RGB', size, 'white') for size in ((16, 16), (4, 4))]
    images[0].save(tmp_path / 'a.jpg', 'MPO', save_all=True, append_images=images[1:])
    assert read_rgb(tmp_path / 'a.jpg').size == (16, 16)


@pytest.mark.parametrize('content', [b'', b'nothing', bytes.fromhex('0005160700020000') + bytes(9)])
@pytest.mark.parametrize('suffix', ['png', 'jpg', 'gif', 'avif', 'jp2'])
def test_no_image(tmp_path, content, suffix):
    path = tmp_path / f'a.{suffix}'
    path.write_bytes(content)
    with pytest.raises(InputError, match=rf'a\.{suffix} cannot be read as an image'):
        read_rgb(path)


@pytest.mark.parametrize('name,pixels', [
    ('a.png', COLOUR), ('b.png', COLOUR.astype(np.uint16) << 8), ('c.jpg', COLOUR), ('d.png', GREY)
])
def test_truncated_files_are_not_filled_with_grey(tmp_path, name, pixels):
    noise = np.random.default_rng(0).integers(0, 2, (64, 64, 1)) if pixels.ndim == 3 else 1
    path = write_rgb(tmp_path / name, (np.tile(pixels, (32, 16, 1)[:pixels.ndim])
                                       * noise).astype(pixels.dtype))
    path.write_bytes(path.read_bytes()[:-path.stat().st_size // 2])
    with pytest.raises(InputError, match=f'{name} cannot be read'):
        read_rgb(path)


# Leftovers, and suffixes in any case

LEFTOVERS = ['._b.png', '.hidden.png', '.ipynb_checkpoints/b-checkpoint.png', '__MACOSX/._b.png',
             '__MACOSX/n1/b.png', '.git/b.png', 'deep/.thumbs/b.png', '@eaDir/b.png/thumb.jpg']


def test_leftovers_are_no_images_classes_or_frames(tmp_path):
    root = tmp_path / '.cache/data'  # What is hidden above the data does not matter.
    for name in ('n2/b.JPG', 'n1/a.Jpeg', 'n1/c.png'):
        write_rgb(root / name, COLOUR)
    assert [item['target'] for item in Photographs(root, None, None)] == [0, 0, 1]
    for name in LEFTOVERS:
        for folder in (root, root / 'n1'):
            write_rgb(folder / name, COLOUR)
    (root / 'n1/._c.png').write_bytes(bytes.fromhex('0005160700020000') + bytes(100))
    assert files_below(root) == ['n1/a.Jpeg', 'n1/c.png', 'n2/b.JPG']
    (root / 'n1/deep').rename(root / 'n1/.deep')
    (root / 'deep').rename(root / '.deep')
    photographs = Photographs(root, None, None)
    assert photographs.entries == [('n1/a.Jpeg', 0), ('n1/c.png', 0), ('n2/b.JPG', 1)]
    assert photographs.named_class_folders() == ['n1', 'n2']
    assert len(list(read_frames(root / 'n1'))) == 2


def test_leftovers_are_no_severities(tmp_path):
    for name in ('fog/1', 'fog/2', '__MACOSX/1', '.ipynb_checkpoints/3'):
        write_rgb(tmp_path / name / 'n1/a.png', COLOUR)
    write_rgb(tmp_path / 'fog/3/.n1/a.png', COLOUR)
    assert list(severity_folders(tmp_path)) == [('fog', '1'), ('fog', '2')]


TREES = {
    'ACDCDataset': ('rgb_anon/{}/val/s/x1_rgb_anon.png', 'gt/{}/val/s/x1_gt_labelTrainIds.png'),
    'DarkZurichDataset': ('rgb_anon/val/night/s/x1_rgb_anon.png',
                          'gt/val/night/s/x1_gt_labelTrainIds.png'),
    'CityscapesDataset': ('leftImg8bit/val/ulm/x1_leftImg8bit.png',
                          'gtFine/val/ulm/x1_gtFine_labelTrainIds.png'),
    'CamVidDataset': ('test/x1.png', 'testannot/x1.png')}


def street_pair(root: Path, name: str, image_suffix='.png', label_suffix='.png'):
    """One image of eight by four grey pixels and its label, of class 1, in a data set's tree."""
    image, label = (root / path.format('fog') for path in TREES[name])
    image, label = image.with_suffix(image_suffix), label.with_suffix(label_suffix)
    for path, pixels in ((image, np.full((8, 4, 3), 90, np.uint8)),
                         (label, np.ones((8, 4), np.uint8))):
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)
    return image, label


def open_street(root: Path, name: str):
    return build(name, root, **(dict(conditions='fog') if name == 'ACDCDataset' else {}))


@pytest.mark.slow
@pytest.mark.parametrize('name', TREES)
@pytest.mark.parametrize('suffixes', [('.png', '.png'), ('.jpg', '.png'), ('.JPG', '.PNG'),
                                      ('.jpeg', '.Png'), ('.PNG', '.png')])
def test_street_scenes_with_any_suffix_and_leftovers(tmp_path, name, suffixes):
    image, label = street_pair(tmp_path, name, *suffixes)
    for path in (image, label):
        for place in (path.with_name(f'._{path.name}'),
                      path.parent / '.ipynb_checkpoints' / path.name,
                      path.parents[1] / '.ipynb_checkpoints' / path.name,
                      path.parents[1] / '__MACOSX' / path.name):
            place.parent.mkdir(exist_ok=True)
            place.write_bytes(bytes.fromhex('0005160700020000') + bytes(100))
    dataset = open_street(tmp_path, name)
    assert len(dataset) == 1
    sample = dataset[0]['data_samples']
    assert (sample.img_path, sample.seg_map_path) == (str(image), str(label))
    assert sample.gt_sem_seg.data.unique().tolist() == [1]


@pytest.mark.parametrize('name', TREES)
def test_two_images_of_one_label_would_count_twice(tmp_path, name):
    street_pair(tmp_path, name)
    street_pair(tmp_path, name, '.jpg')
    with pytest.raises(InputError, match='x1.*jpg and .*x1.*png are images of one label'):
        open_street(tmp_path, name)


def test_real_cityscapes_with_jpeg_images(real_data):
    dataset = build('CityscapesDataset', real_data / 'cityscapes_mini', split='train')
    assert len(dataset) == 8 and dataset[0]['inputs'].shape == (3, 1024, 2048)


# Labels

def save_label(path: Path, values: np.ndarray, kind: str) -> None:
    if kind == 'palette':
        image = Image.fromarray(values.astype(np.uint8), 'P')
        image.putpalette(np.random.default_rng(0).integers(1, 256, 768).astype(np.uint8).tobytes())
        image.save(path)
    else:
        Image.fromarray(values.astype(dict(grey=np.uint8, deep=np.uint16, whole=np.int32,
                                           real=np.float32)[kind])).save(path)


@pytest.mark.parametrize('kind,suffix', [('grey', 'png'), ('palette', 'png'), ('deep', 'png'),
                                         ('deep', 'tif'), ('whole', 'tif'), ('real', 'tif')])
def test_labels_of_every_depth_hold_the_classes_of_their_file(tmp_path, kind, suffix):
    values = np.resize([0, 7, 18, 255], (8, 4))
    image, label = street_pair(tmp_path, 'CityscapesDataset')
    save_label(tmp_path / f'label.{suffix}', values, kind)
    label.write_bytes((tmp_path / f'label.{suffix}').read_bytes())  # Pillow looks at the contents.
    found = open_street(tmp_path, 'CityscapesDataset')[0]['data_samples'].gt_sem_seg.data[0]
    assert found.tolist() == values.tolist()


def test_the_highest_value_of_16_bits_is_void(tmp_path):
    _, label = street_pair(tmp_path, 'CityscapesDataset')
    save_label(label, np.resize([3, 65535], (8, 4)), 'deep')
    found = open_street(tmp_path, 'CityscapesDataset')[0]['data_samples'].gt_sem_seg.data
    assert found.unique().tolist() == [3, 255]


@pytest.mark.parametrize('kind,values,message', [
    ('deep', [1, 257], 'values from 1 to 257'),      # would be class 1
    ('deep', [1, 26001], 'values from 1 to 26001'),  # instance ids
    ('whole', [-1, 3], 'values from -1 to 3'),       # would be 255
    ('real', [0, 1.5], 'values from 0 to 1.5'),
    ('real', [0, np.nan], 'values from 0 to nan'),
    ('real', [3, 65535], 'values from 3 to 65535')])
def test_labels_that_would_wrap_are_refused(tmp_path, kind, values, message):
    _, label = street_pair(tmp_path, 'CityscapesDataset')
    save_label(tmp_path / 'label.tif', np.resize(values, (8, 4)), kind)
    label.write_bytes((tmp_path / 'label.tif').read_bytes())
    with pytest.raises(InputError, match=f'{label.name} holds {message}'):
        open_street(tmp_path, 'CityscapesDataset')[0]


@pytest.mark.parametrize('mode', ['RGB', 'RGBA', 'LA'])
def test_colours_are_no_labels(tmp_path, mode):
    _, label = street_pair(tmp_path, 'CamVidDataset')
    Image.open(label).convert(mode).save(label)
    with pytest.raises(InputError, match=rf'x1\.png is a picture of mode {mode}'):
        open_street(tmp_path, 'CamVidDataset')[0]


def test_a_label_stored_as_jpeg_is_refused(tmp_path):
    _, label = street_pair(tmp_path, 'CityscapesDataset')
    Image.open(label).save(label, 'JPEG')  # whatever its name says
    with pytest.raises(InputError, match='stored as JPEG, which changes the values'):
        open_street(tmp_path, 'CityscapesDataset')[0]


@pytest.mark.parametrize('bits', [1, 2, 4])
def test_grey_of_few_bits_is_refused_and_a_palette_of_few_bits_is_not(tmp_path, bits):
    values = np.resize([0, 1], (8, 4)).astype(np.uint8)
    grey = Image.fromarray(values > 0) if bits == 1 else Image.fromarray(values)
    grey.save(tmp_path / 'grey.png', bits=bits)
    with pytest.raises(InputError, match='grey.png is grey with fewer than 8 bits'):
        check_label_file(tmp_path / 'grey.png')
    palette = Image.fromarray(values, 'P')
    palette.putpalette([0, 0, 0, 9, 9, 9])
    palette.save(tmp_path / 'palette.png', bits=bits)
    check_label_file(tmp_path / 'palette.png')


def test_a_palette_in_another_order_is_refused(tmp_path):
    classes = [[128, 64, 128], [244, 35, 232], [70, 70, 70]]
    values = np.resize([0, 2, 5], (8, 4)).astype(np.uint8)
    for order, right in (([0, 1, 2], True), ([0, 2, 1], False)):
        label = Image.fromarray(values, 'P')
        label.putpalette(sum((classes[index] for index in order), []) + [0] * 9)
        label.save(tmp_path / 'a.png')
        if right:
            check_label_file(tmp_path / 'a.png', classes)
        else:
            with pytest.raises(InputError, match='2 has the colour of class 1'):
                check_label_file(tmp_path / 'a.png', classes)


@pytest.mark.parametrize('orientation', [1, 3, 6])
def test_a_label_fits_the_upright_image(tmp_path, orientation):
    image, label = street_pair(tmp_path, 'CityscapesDataset')
    pixels = Image.new('RGB', (6, 10))
    exif = pixels.getexif()
    exif[0x112] = orientation
    pixels.save(image, exif=exif)
    upright = (10, 6) if orientation == 6 else (6, 10)
    Image.new('L', upright, 1).save(label)
    sample = open_street(tmp_path, 'CityscapesDataset')[0]
    assert sample['inputs'].shape[1:] == sample['data_samples'].gt_sem_seg.shape == upright[::-1]
    Image.new('L', upright[::-1], 1).save(label)
    with pytest.raises(InputError, match='of one size'):
        open_street(tmp_path, 'CityscapesDataset')[0]
    if orientation > 1:
        Image.new('L', (6, 10), 1).save(label, exif=exif)
        with pytest.raises(InputError, match='EXIF orientation, which MMCV does not apply'):
            open_street(tmp_path, 'CityscapesDataset')[0]


def test_a_pipeline_that_leaves_images_lying(tmp_path):
    image, label = street_pair(tmp_path, 'CityscapesDataset')
    pixels = Image.new('RGB', (6, 10))
    exif = pixels.getexif()
    exif[0x112] = 6
    pixels.save(image, exif=exif)
    Image.new('L', (6, 10), 1).save(label)
    pipeline = [dict(type='LoadImageFromFile', color_type='color_ignore_orientation'),
                *PIPELINE[1:]]
    sample = build('CityscapesDataset', tmp_path, pipeline=pipeline)[0]
    assert sample['inputs'].shape[1:] == sample['data_samples'].gt_sem_seg.shape == (10, 6)
