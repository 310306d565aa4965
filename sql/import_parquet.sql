-- Reads a Parquet file as JSON lists into a pipe, the names in the first; order is kept.
INSERT INTO FUNCTION file({pipe:String}, 'JSONCompactEachRowWithNames')
SELECT * FROM file({file:String}, 'Parquet')
SETTINGS parallelize_output_from_storages = 0, input_format_parquet_preserve_order = 1, output_format_parallel_formatting = 0,
         date_time_output_format = 'iso', output_format_json_quote_64bit_integers = 0,
         output_format_json_quote_denormals = 1, output_format_json_quote_decimals = 0,
         output_format_json_validate_utf8 = 0, output_format_json_escape_forward_slashes = 0
