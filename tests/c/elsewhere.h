/* Included before each source file of the library: what the system says about memory is read below another folder. */
#ifndef ELSEWHERE_H
#define ELSEWHERE_H

/* First all headers, which declare what is a macro below. */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

/* The file that stands for this one; valid until the next call. */
const char *elsewhere(const char *path);

#define access(path, mode) access(elsewhere(path), mode)
#define fopen(path, mode)  fopen(elsewhere(path), mode)
#define open(path, ...)    open(elsewhere(path), __VA_ARGS__)

#endif
