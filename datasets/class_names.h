/* Names of classes in label order, as TFDS has them. ILSVRC-2012's are WNIDs, SUN397's the folders
 * with a slash in front; Caltech101's are in lower case. */
#ifndef BITBENCH_DATASETS_CLASS_NAMES_H
#define BITBENCH_DATASETS_CLASS_NAMES_H

extern const char *const class_names_caltech101[102];
extern const char *const class_names_dtd[47];
extern const char *const class_names_eurosat[10];
extern const char *const class_names_flowers102[102];
extern const char *const class_names_pets[37];
extern const char *const class_names_resisc45[45];
extern const char *const class_names_ilsvrc2012[1000], *const class_names_sun397[397];

#endif
