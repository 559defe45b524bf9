/* Addresses, sizes and SHA-256 as tensorflow/datasets lists them (url_checksums/NAME.txt and
 * datasets/NAME/checksums.tsv), but for SUN397's split lists, which are files of that package,
 * hashed from its release. They are the files whose splits VTAB is defined on. */
#include "harness/downloads.h"

#include <string.h>
#include "harness/base/tensor.h"

#define PCAM(name, n, hash)                               \
    {                                                     \
        "camelyonpatch_level_2_split_" name ".h5.gz",     \
            "https://zenodo.org/record/2546921/files/"    \
            "camelyonpatch_level_2_split_" name ".h5.gz", \
            n, hash                                       \
    }
#define NORB(name, n, hash)                                                              \
    {                                                                                    \
        "smallnorb-" name ".mat.gz",                                                     \
            "https://cs.nyu.edu/~ylclab/data/norb-v1.0-small/smallnorb-" name ".mat.gz", \
            n, hash                                                                      \
    }
#define FASHION(name, n, hash)                                                            \
    {                                                                                     \
        name, "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/" name, n, hash \
    }
#define FLOWERS(name, n, hash)                                                   \
    {                                                                            \
        name, "https://www.robots.ox.ac.uk/~vgg/data/flowers/102/" name, n, hash \
    }
#define KITTI(name, n, hash)                                                   \
    {                                                                          \
        name, "https://s3.eu-central-1.amazonaws.com/avg-kitti/" name, n, hash \
    }
#define SUN_LIST(name, n, hash)                                             \
    {                                                                       \
        name,                                                               \
            "https://raw.githubusercontent.com/tensorflow/datasets/v4.4.0/" \
            "tensorflow_datasets/image_classification/" name,               \
            n, hash                                                         \
    }
#define SMALLNORB                                                                     \
    {                                                                                 \
        NORB("5x46789x9x18x6x2x96x96-training-dat", 131896188,                        \
             "5ffd6272a07d32695ee1082a26a41a93a37aab8c28da047f8c34ed348d214873"),     \
            NORB("5x46789x9x18x6x2x96x96-training-cat", 348,                          \
                 "2784e542c1922060691090952b6cd6278879a216c90f81476f0f00256d42cdaa"), \
            NORB("5x46789x9x18x6x2x96x96-training-info", 71052,                       \
                 "de7eb932ebe7a4ee16217fead60660d0eb3d23632c2f4d1c51f88c501c17bf32"), \
            NORB("5x01235x9x18x6x2x96x96-testing-dat", 130799817,                     \
                 "cf7104eed3e51174d2f65b66d1e5878b9da233b886f161b0d88f4510ba2c7474"), \
            NORB("5x01235x9x18x6x2x96x96-testing-cat", 347,                           \
                 "ecaf6d5bb8c3bc5eab9cf0258f6d2198dd474e016e374836fc097f2e5ff509ff"), \
            NORB("5x01235x9x18x6x2x96x96-testing-info", 10428,                        \
                 "16adf314226327ee006d1a44db8cfef52773c06c829951d5653a9f6f310248a2"), \
    }
#define DSPRITES                                                                             \
    {                                                                                        \
        {                                                                                    \
            "dsprites_ndarray_co1sh3sc6or40x32y32_64x64.hdf5",                               \
                "https://github.com/deepmind/dsprites-dataset/blob/master/"                  \
                "dsprites_ndarray_co1sh3sc6or40x32y32_64x64.hdf5?raw=true",                  \
                28024106, "729fa22e884c9c500e1f17415d580746b4c5894fbbb780a1319bbcfa39a745bb" \
        }                                                                                    \
    }
#define CLEVR                                                                                    \
    {                                                                                            \
        {                                                                                        \
            "CLEVR_v1.0.zip", "https://dl.fbaipublicfiles.com/clevr/CLEVR_v1.0.zip",             \
                19021600724u, "5cd61cf1096ed20944df93c9adb31e74d189b8459a94f54ba00090e5c59936d1" \
        }                                                                                        \
    }

const struct download_set download_sets[] = {
    {"fashion-mnist",
     {FASHION("train-images-idx3-ubyte.gz", 26421880,
              "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"),
      FASHION("train-labels-idx1-ubyte.gz", 29515,
              "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"),
      FASHION("t10k-images-idx3-ubyte.gz", 4422102,
              "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"),
      FASHION("t10k-labels-idx1-ubyte.gz", 5148,
              "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5")},
     NULL},
    {"cifar10",
     {{"cifar-10-binary.tar.gz", "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
       170052171, "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"}},
     NULL},
    {"cifar100",
     {{"cifar-100-binary.tar.gz", "https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz",
       168513733, "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec"}},
     NULL},
    {"svhn",
     {{"train_32x32.mat", "http://ufldl.stanford.edu/housenumbers/train_32x32.mat", 182040794,
       "435e94d69a87fde4fd4d7f3dd208dfc32cb6ae8af2240d066de1df7508d083b8"},
      {"test_32x32.mat", "http://ufldl.stanford.edu/housenumbers/test_32x32.mat", 64275384,
       "cdce80dfb2a2c4c6160906d0bd7c68ec5a99d7ca4831afa54f09182025b6a75b"}},
     NULL},
    {"smallnorb-azimuth", SMALLNORB, NULL},
    {"smallnorb-elevation", SMALLNORB, NULL},
    {"dsprites-location", DSPRITES, NULL},
    {"dsprites-orientation", DSPRITES, NULL},
    {"patch-camelyon",
     {PCAM("train_x", 6421353462u,
           "d619e741468a7ab35c7e4a75e6821b7e7e6c9411705d45708f2a0efc8960656c"),
      PCAM("train_y", 21378, "b74126d2c01b20d3661f9b46765d29cf4e4fba6faba29c8e0d09d406331ab75a"),
      PCAM("valid_x", 805965320,
           "f82ee1670d027b4ec388048d9eabc2186b77c009655dae76d624c0ecb053ccb2"),
      PCAM("valid_y", 3038, "ce1ae30f08feb468447971cfd0472e7becd0ad96d877c64120c72571439ae48c"),
      PCAM("test_x", 800875929, "79174c2201ad521602a5888be8f36ee10875f37403dd3f2086caf2182ef87245"),
      PCAM("test_y", 3040, "0a522005fccc8bbd04c5a117bfaf81d8da2676f03a29d7499f71d0a0bd6068ef")},
     NULL},
    {"clevr-count", CLEVR, NULL},
    {"clevr-distance", CLEVR, NULL},
    {"dmlab",
     {{"dmlab.tar.gz", "https://storage.googleapis.com/dmlab-vtab/dmlab.tar.gz", 3017022789u,
       "638b18fa69a5d61bbc310cd0b87ac603a39f41de0fdb07b6e77de274a24480a4"}},
     NULL},
    {"kitti-distance",
     {KITTI("data_object_image_2.zip", 12569945557u,
            "351c5a2aa0cd9238b50174a3a62b846bc5855da256b82a196431d60ff8d43617"),
      KITTI("data_object_label_2.zip", 5601213,
            "4efc76220d867e1c31bb980bbf8cbc02599f02a9cb4350effa98dbb04aaed880"),
      KITTI("devkit_object.zip", 63778,
            "cfde67e531832618ea0fd4844f91e34a45068025e2bef79e278cb812dc2537d0")},
     NULL},
    {"caltech101",
     {{"caltech-101.zip",
       "https://data.caltech.edu/records/mzrjq-6wc02/files/caltech-101.zip?download=1", 137414764,
       "331234750fc7f77520e50d9565e8b6907b03565e30320da1401130db08c61f91"}},
     "VTAB's split of Caltech101 was drawn in the order of a directory listing that nobody kept.\n"
     "Beside the images put caltech101_train.txt: the 3060 training images of the split as\n"
     "CLASS/image_NNNN.jpg, one a line. A directory that TFDS prepared needs no such list."},
    {"dtd",
     {{"dtd-r1.0.1.tar.gz",
       "https://www.robots.ox.ac.uk/~vgg/data/dtd/download/dtd-r1.0.1.tar.gz", 625239812,
       "e42855a52a4950a3b59612834602aa253914755c95b0cff9ead6d07395f8e205"}},
     NULL},
    {"flowers102",
     {FLOWERS("102flowers.tgz", 344862509,
              "2d01ecc807db462958cfe3d92f57a8c252b4abd240eb955770201e45f783b246"),
      FLOWERS("imagelabels.mat", 502,
              "4903e94206bac23bf772aadf06451916df56b58fc483a62db32a97b82656651d"),
      FLOWERS("setid.mat", 14989,
              "46b8678f91fd95d3c8f4feab80d271a6c834a1dd896fe29fd3e6ad9ce5c8dccd")},
     NULL},
    {"pets",
     {{"images.tar.gz", "http://www.robots.ox.ac.uk/~vgg/data/pets/data/images.tar.gz", 791918971,
       "67195c5e1c01f1ab5f9b6a5d22b8c27a580d896ece458917e61d459337fa318d"},
      {"annotations.tar.gz", "http://www.robots.ox.ac.uk/~vgg/data/pets/data/annotations.tar.gz",
       19173078, "52425fb6de5c424942b7626b428656fcbd798db970a937df61750c0f1d358e91"}},
     NULL},
    {"sun397",
     {{"SUN397.tar.gz", "https://vision.princeton.edu/projects/2010/SUN/SUN397.tar.gz",
       39077296924u, "f404130965a7ad77bed5ececc71e720ab50f3cc1e1bb257257610d38f3b928ec"},
      SUN_LIST("sun397_tfds_tr.txt", 3070803,
               "764d9aa5c7b67a12b1a5ef784656a84f6a3a3cc0383ce9dc7acc59e3efd45791"),
      SUN_LIST("sun397_tfds_va.txt", 438722,
               "0f5f5e56d4c10ea6dd64108980ce1fa3d0a5d92b61ef92530f34b6aa2dbaf192"),
      SUN_LIST("sun397_tfds_te.txt", 877678,
               "e172ef48fe5e94e26b698b0cdc56d9e100ae072eeb44d2e9e9e5bc289337fccc")},
     NULL},
    {"eurosat",
     {{"EuroSAT.zip", "http://madm.dfki.de/files/sentinel/EuroSAT.zip", 94280567,
       "8ebea626349354c5328b142b96d0430e647051f26efc2dc974c843f25ecf70bd"}},
     NULL},
    {"resisc45",
     {{0}},
     "1. Get NWPU-RESISC45.rar (about 400 MB) by hand: its authors give it out through OneDrive,\n"
     "   linked from gcheng-nwpu.github.io; search for 'NWPU-RESISC45'.\n"
     "2. Put it into the folder below under that name.\n"
     "3. bitbench datasets prepare resisc45"},
    {"ilsvrc2012",
     {{0}},
     "1. Make an account at image-net.org and agree to its terms (non-commercial research).\n"
     "2. From the page of ILSVRC 2012, tasks 1 and 2, get\n"
     "     ILSVRC2012_img_train.tar      147897477120 bytes\n"
     "       md5 1d675b47d978889d74fa0da5fadfb00e\n"
     "     ILSVRC2012_img_val.tar        6744924160 bytes\n"
     "       md5 29b22e2961454d5413ddabcf34fc5622\n"
     "     ILSVRC2012_devkit_t12.tar.gz\n"
     "       md5 fa75699e90414af021442c21a62c3abf\n"
     "3. Put the three files into the folder below. Nothing needs unpacking."},
    {"retinopathy",
     {{0}},
     "1. Make an account at kaggle.com, accept the rules of the competition\n"
     "   diabetic-retinopathy-detection and get its photographs.\n"
     "2. Let TensorFlow Datasets prepare diabetic_retinopathy_detection/btgraham-300 from them.\n"
     "3. Put that directory into the folder below as diabetic_retinopathy_detection."},
    {"retinopathy-photos",
     {{0}},
     "1. Make an account at kaggle.com and accept the rules of the competition\n"
     "   diabetic-retinopathy-detection.\n"
     "2. Get train.zip.001 to .005, test.zip.001 to .007, trainLabels.csv.zip and, from its\n"
     "   discussion pages, retinopathy_solution.csv (1181257 bytes,\n"
     "   sha256 a6af3d66804e81887da89b9261bcfb7da4f5bacedb070f1b5db83fa879ab60c9).\n"
     "3. Join the parts (cat train.zip.* >train.zip) and unpack them, so that the folder below\n"
     "   has train/, test/, trainLabels.csv and retinopathy_solution.csv."},
};
const size_t download_sets_n = ARRAY_LEN(download_sets);

const struct download_set *download_set_find(const char *dataset)
{
    for (size_t i = 0; i < download_sets_n; i++) {
        if (!strcmp(download_sets[i].dataset, dataset)) {
            return &download_sets[i];
        }
    }
    return NULL;
}

size_t download_set_count(const struct download_set *s)
{
    size_t n = 0;
    while (n < DOWNLOADS_MOST && s->files[n].name) {
        n++;
    }
    return n;
}
