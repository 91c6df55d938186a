// Package config owns the one struct of settings: their names, defaults and meaning, and the strict reading of
// them from a YAML file, the environment and the command line.
//
// One rule names a setting everywhere. The setting `smtp.password_file` of the file is the environment variable
// OSTIARY_SMTP_PASSWORD_FILE and the flag --smtp-password-file. A flag wins over the environment, the environment
// over the file. Lists are separated by commas, and settings that are maps or lists of objects are YAML text
// wherever they are not in the file. A setting marked secret has no flag, for the command line is visible to
// everybody on the machine.
//
// Unknown names are refused, and all problems are reported at once. Nothing reads the environment later. What a
// setting does is the business of the package it is handed to; package server hands it over.
package config
