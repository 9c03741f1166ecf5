/* Included before each source file of the library, so that it reads the system's files about memory below another
 * folder. */
#ifndef ELSEWHERE_H
#define ELSEWHERE_H

/* First all headers, which declare what is a macro below. */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

/* The file in place of this one; valid until the next call. */
const char *elsewhere(const char *path);

#define access(path, mode) access(elsewhere(path), mode)
#define fopen(path, mode)  fopen(elsewhere(path), mode)
#define open(path, ...)    open(elsewhere(path), __VA_ARGS__)

#endif
