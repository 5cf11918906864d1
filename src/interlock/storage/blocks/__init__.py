"""What block schemas and documents mean, apart from where they are kept: no statement is run here."""
