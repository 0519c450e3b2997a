/*
 * Loads an object whose table xdp_map is read from files, and runs each frame
 * of standard input: two bytes length in host order, then the frame. Writes the
 * verdict and the frame's bytes 44 and 45 in a line, and the parts back.
 *
 *    run OBJECT FOLDER
 */
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

static const char *parts[] = { "xdp_map", "xdp_map_bloom", "xdp_map_records",
			       "xdp_map_rules", "xdp_map_shape" };

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static FILE *part_file(const char *folder, const char *name, const char *mode)
{
	char path[4096];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, mode);
	if (!file)
		fail(path);
	return file;
}

static long size_of(FILE *file)
{
	long size;

	fseek(file, 0, SEEK_END);
	size = ftell(file);
	rewind(file);
	return size;
}

static void set_size(struct bpf_object *object, const char *folder,
		     const char *name)
{
	struct bpf_map *map = bpf_object__find_map_by_name(object, name);
	FILE *file = part_file(folder, name, "r");
	long stride = (bpf_map__value_size(map) + 7) / 8 * 8;

	bpf_map__set_max_entries(map, size_of(file) / stride);
	fclose(file);
}

/* Copies a file to a map array, or back. */
static void copy(struct bpf_object *object, const char *folder,
		 const char *name, int back)
{
	FILE *file = part_file(folder, name, back ? "r+" : "r");
	long size = size_of(file);
	void *words = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED,
			   bpf_object__find_map_fd_by_name(object, name), 0);

	if (words == MAP_FAILED)
		fail(name);
	if (back ? fwrite(words, 1, size, file) != (size_t)size :
		   fread(words, 1, size, file) != (size_t)size)
		fail(name);
	munmap(words, size);
	fclose(file);
}

/* Each decision is its key and its value. */
static void decide(struct bpf_object *object, const char *folder)
{
	struct bpf_map *map =
		bpf_object__find_map_by_name(object, "xdp_map_decisions");
	size_t size = 16 + bpf_map__value_size(map);
	FILE *file = part_file(folder, "xdp_map_decisions", "r");
	char entry[1024];

	while (fread(entry, size, 1, file) == 1)
		if (bpf_map_update_elem(bpf_map__fd(map), entry, entry + 16, 0))
			fail("decision");
	fclose(file);
}

int main(int count, char **arguments)
{
	struct bpf_object *object;
	struct bpf_program *program;
	unsigned char frame[4096], out[4096];
	uint16_t length;

	if (count != 3)
		return 64;
	object = bpf_object__open_file(arguments[1], NULL);
	if (!object)
		fail(arguments[1]);
	for (int i = 0; i < 5; i++)
		set_size(object, arguments[2], parts[i]);
	if (bpf_object__load(object))
		fail(arguments[1]);
	program = bpf_object__find_program_by_name(object, "xdp_prog");
	for (int i = 0; i < 5; i++)
		copy(object, arguments[2], parts[i], 0);
	decide(object, arguments[2]);
	while (fread(&length, sizeof(length), 1, stdin) == 1) {
		LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame,
			    .data_size_in = length, .data_out = out,
			    .data_size_out = sizeof(out), .repeat = 1);

		if (length > sizeof(frame) ||
		    fread(frame, length, 1, stdin) != 1)
			fail("frame");
		if (bpf_prog_test_run_opts(bpf_program__fd(program), &options))
			fail("run");
		printf("%u %u %u\n", options.retval, out[44], out[45]);
	}
	for (int i = 0; i < 5; i++)
		copy(object, arguments[2], parts[i], 1);
	return 0;
}
