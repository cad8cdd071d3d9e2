"""Photos of books drawn with their exact alpha, for demonstrations, calibration, tests and measurements.

- `generator.generate(seed, ...) -> Sample`: one photo and its truth.
- `listings.write_listings(folder) -> list[Listing]`: the sample listings as image files.
- `bad_inputs.BAD_INPUTS`: files that a worker must answer for.
- `sheet.contact_sheet(pairs, path)`: before and after on one page.
"""
