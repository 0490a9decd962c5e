"""`python -m ktlo_instrument.launch app.py …` is what `ktlo-instrument run -- python app.py …` becomes."""

from ktlo_instrument.script import main

if __name__ == "__main__":
    main()
