def genders():
    for gender in ("Female", "Male", "Other", "Prefer not to say", "Non-Conforming", "Transgender", "Genderqueer"):
        yield {"gender": gender}


def salutations():
    for salutation in ("Mr", "Ms", "Mrs", "Miss", "Mx", "Dr", "Prof", "Master", "Madam"):
        yield {"salutation": salutation}
