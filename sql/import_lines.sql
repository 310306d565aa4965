-- Decompresses a file into a pipe, byte for byte; order is kept.
INSERT INTO FUNCTION file({pipe:String}, 'LineAsString', 'line String')
SELECT line FROM file({file:String}, 'LineAsString', 'line String', {compression:String})
SETTINGS parallelize_output_from_storages = 0, input_format_parallel_parsing = 0, output_format_parallel_formatting = 0
